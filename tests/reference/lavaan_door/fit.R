# What lavaan 0.6-14 finds for clients.csv: x -> m -> y at two levels, and a therapist's trait w -> m -> y (2-1-1).
suppressMessages(library(lavaan))
here <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
if (length(here)) setwd(dirname(normalizePath(here)))
clients <- read.csv("clients.csv")
models <- list(
  xmy = "
    level: 1
      m ~ a*x
      y ~ b*m + direct*x
    level: 2
      x ~~ m + y
      m ~~ y
    indirect := a*b
    total := a*b + direct",
  wmy = "
    level: 1
      y ~ m
    level: 2
      m ~ a*w
      y ~ b*m + direct*w
    indirect := a*b
    total := a*b + direct"
)
fitted <- function(text) {
  fit <- sem(
    text, data = clients, cluster = "therapist", fixed.x = FALSE, information = "observed", observed.information = "hessian",
    control = list(rel.tol = 1e-10)
  )
  stopifnot(lavInspect(fit, "converged"))
  fit
}
rows <- do.call(rbind, lapply(names(models), function(name) {
  fit <- fitted(models[[name]])
  found <- parameterEstimates(fit)
  found <- found[found$label %in% c("a", "b", "direct", "indirect", "total"), ]
  data.frame(
    model = name, effect = found$label, estimate = found$est, se = found$se,
    loglik = as.numeric(logLik(fit)), clients = lavInspect(fit, "ntotal"), therapists = lavInspect(fit, "nclusters")
  )
}))
write.csv(format(rows, digits = 10), "expected.csv", row.names = FALSE, quote = FALSE)
