# Fits every case of cases.csv by maximum likelihood with lme4; writes expected.csv and versions.txt.
#     Rscript fit_lme4.R
suppressWarnings(suppressMessages(library(lme4)))
cases <- read.csv("cases.csv", stringsAsFactors = FALSE)
rows <- list()
for (k in seq_len(nrow(cases))) {
  data <- read.csv(file.path("data", paste0(cases$data[k], ".csv")))
  control <- lmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 1e6, rhoend = 1e-10), calc.derivs = FALSE)
  fit <- suppressWarnings(suppressMessages(lmer(as.formula(cases$formula[k]), data, REML = FALSE, control = control)))
  fixed <- fixef(fit)
  parts <- as.data.frame(VarCorr(fit))
  add <- function(kind, name, estimate, se) {
    rows[[length(rows) + 1]] <<- data.frame(case = cases$case[k], kind = kind, name = name, estimate = estimate, se = se)
  }
  add("loglik", "", as.numeric(logLik(fit)), NA)
  se <- sqrt(diag(as.matrix(vcov(fit))))
  for (i in seq_along(fixed)) add("fixed", names(fixed)[i], fixed[[i]], se[[i]])
  for (i in seq_len(nrow(parts))) {
    name <- if (is.na(parts$var1[i])) "residual" else if (is.na(parts$var2[i])) parts$var1[i] else paste(parts$var1[i], parts$var2[i])
    add("covariance", name, parts$vcov[i], NA)
  }
}
out <- do.call(rbind, rows)
out$estimate <- signif(out$estimate, 12)
out$se <- signif(out$se, 8)
write.csv(out, "expected.csv", row.names = FALSE, quote = FALSE)
writeLines(c(R.version.string, paste("lme4", packageVersion("lme4"))), "versions.txt")
