# Fits every case of cases.csv with lavaan and stores what it finds in expected/.
#
#   Rscript fit_lavaan.R            # all cases; a few minutes
#   Rscript fit_lavaan.R NAME ...   # prints some cases, stores nothing
#
# expected/fit.csv        one row per case: log-likelihood, fit measures and the checks below
# expected/estimates.csv  one row per parameter of a case
#
# lavaan bounds nothing, so its optimizer can stop at a point that is no maximum. A case counts as `regular` when
#   - lavaan says that it converged,
#   - newton_gap, the log-likelihood that one Newton step would still gain (g' I^-1 g / 2), is below 1e-9,
#   - the observed information is positive definite (after equality constraints), and
#   - the smallest eigenvalue of Sigma_W + n Sigma_B, relative to the scale of Sigma_W, is above 1e-3 at every cluster
#     size n that occurs, and Sigma_W is positive definite.
suppressMessages(library(lavaan))
# 0.7 has other options: every case would end in an error, and the stored values would be overwritten with nothing.
if (packageVersion("lavaan") >= "0.7") stop("fit_lavaan.R needs lavaan 0.6; found ", packageVersion("lavaan"))

here <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
folder <- Sys.getenv("CASES")  # another folder with cases.csv, data/ and models/
if (nzchar(folder)) setwd(folder) else if (length(here)) setwd(dirname(normalizePath(here)))
wanted <- commandArgs(TRUE)
cases <- read.csv("cases.csv", stringsAsFactors = FALSE)
if (length(wanted)) cases <- cases[cases$case %in% wanted, ]

run <- function(syntax, data, case, se = "standard", h1 = TRUE) {
  arguments <- list(
    model = syntax, data = data, cluster = case$cluster, missing = case$missing, fixed.x = FALSE,
    estimator = "ML", information = "observed", observed.information = "hessian", se = se,
    h1 = h1, baseline = h1, em.h1.iter.max = 200000L, em.h1.tol = 1e-13,
    check.post = FALSE, warn = FALSE
  )
  do.call("sem", arguments)
}

constraint_basis <- function(fit) {
  model <- fit@Model
  if (model@eq.constraints) model@eq.constraints.K else diag(model@nx.free)
}

# gradient and observed information of the log-likelihood at the estimates
local_shape <- function(fit) {
  model <- fit@Model
  # lavaan's fit function is -loglik / clients; its information is per cluster
  gradient <- lavaan:::lav_model_gradient(
    lavmodel = model, lavsamplestats = fit@SampleStats, lavdata = fit@Data, lavcache = fit@Cache, verbose = FALSE
  ) * lavInspect(fit, "ntotal")
  information <- lavaan:::lav_model_information_observed(
    lavmodel = model, lavsamplestats = fit@SampleStats, lavdata = fit@Data, lavcache = fit@Cache,
    lavimplied = fit@implied, lavh1 = fit@h1, lavoptions = fit@Options, inverted = FALSE, augmented = FALSE
  ) * lavInspect(fit, "nclusters")
  K <- constraint_basis(fit)
  list(g = drop(crossprod(K, gradient)), I = crossprod(K, information %*% K), K = K)
}

free_parameters <- function(fit) lavaan:::lav_model_get_parameters(fit@Model)

# lavaan's result at given parameters. Handing them over as `start` would not do: lavaan alters starting values that
# imply correlations beyond 1, as proper maxima with a negative between variance do.
evaluate_at <- function(fit, x, se = "standard") {
  options <- fit@Options
  options$optim.method <- "none"
  options$se <- se
  options$h1 <- options$baseline <- FALSE
  table <- fit@ParTable
  free <- which(table$free > 0L)
  table$start[free] <- table$est[free] <- x[table$free[free]]
  table$se <- NULL
  lavaan(slotOptions = options, slotParTable = table, slotSampleStats = fit@SampleStats, slotData = fit@Data,
         slotModel = lavaan:::lav_model_set_parameters(fit@Model, x = x), slotCache = fit@Cache, sloth1 = fit@h1)
}

# Newton steps from where lavaan's optimizer stopped, handed back to lavaan as its result (optim.method = "none")
polish <- function(fit) {
  if (!lavInspect(fit, "converged")) return(fit)
  for (step in 1:4) {
    shape <- local_shape(fit)
    if (!all(is.finite(shape$I)) || min(eigen(shape$I, TRUE, TRUE)$values) <= 0) return(fit)
    delta <- drop(solve(shape$I, shape$g))
    gap <- sum(shape$g * delta) / 2
    if (!is.finite(gap) || gap < 1e-15 || gap > 1e-2) return(fit)
    x <- free_parameters(fit) - drop(shape$K %*% delta)
    next_fit <- tryCatch(evaluate_at(fit, x, fit@Options$se), error = function(e) NULL)
    if (is.null(next_fit)) return(fit)
    if (max(abs(free_parameters(next_fit) - x)) > 1e-10 || logLik(next_fit) < logLik(fit) - 1e-9) return(fit)
    fit <- next_fit
  }
  fit
}

shape_checks <- function(fit) {
  shape <- tryCatch(local_shape(fit), error = function(e) NULL)
  out <- list(gap = NA, definite = NA)
  if (!is.null(shape) && all(is.finite(shape$I))) {
    out$definite <- min(eigen(cov2cor_safe(shape$I), TRUE, TRUE)$values)
    out$gap <- tryCatch(sum(shape$g * solve(shape$I, shape$g)) / 2, error = function(e) NA)
  }
  out
}

is_regular <- function(fit, converged, sizes) {
  checks <- shape_checks(fit)
  implied <- lavInspect(fit, "implied")
  converged && isTRUE(abs(checks$gap) < 1e-9) && isTRUE(checks$definite > 1e-9) &&
    smallest_eigenvalue(implied$within$cov, implied[[2]]$cov, sizes) > 1e-3
}

# Saturated (H1) and independence models. lavaan's own H1 is an EM that stops at a log-likelihood change of 1e-4
# (0.6-14), so chi-square and what follows from it are recomputed here from tight fits of both.
reference_models <- new.env()

reference_model <- function(kind, within, between, data, case, sizes) {
  key <- paste(kind, case$data, case$missing, paste(within, collapse = " "), paste(between, collapse = " "))
  if (is.null(reference_models[[key]])) {
    block <- function(names) sapply(seq_along(names), function(k) {
      paste(names[k], "~~", paste(if (kind == "saturated") names[k:length(names)] else names[k], collapse = " + "))
    })
    pairs <- function(names) if (kind == "saturated" || length(names) < 2) NULL else
      combn(names, 2, function(p) paste(p[1], "~~ 0*", p[2]))
    syntax <- paste(c("level: 1", block(within), pairs(within), "level: 2", block(between), pairs(between)),
                    collapse = "\n")
    fit <- run(syntax, data, case, se = "none", h1 = FALSE)
    converged <- lavInspect(fit, "converged")
    fit <- polish(fit)
    reference_models[[key]] <- list(logl = as.numeric(logLik(fit)), npar = fit@optim$npar,
                                    implied = lavInspect(fit, "implied"), regular = is_regular(fit, converged, sizes))
  }
  reference_models[[key]]
}

# as lavaan computes it for two levels: root mean square of the differences of correlations, diagonal included
srmr <- function(observed, implied) {
  difference <- cov2cor(observed)[rownames(implied), colnames(implied)] - cov2cor(implied)
  sqrt(mean(difference[lower.tri(difference, diag = TRUE)]^2))
}

indices <- function(loglik, npar, h1, baseline, ntotal) {
  chisq <- max(2 * (h1$logl - loglik), 0)
  df <- h1$npar - npar
  base <- 2 * (h1$logl - baseline$logl)
  base_df <- h1$npar - baseline$npar
  excess <- max(chisq - df, 0)
  list(chisq = chisq, df = df, pvalue = if (df > 0) pchisq(chisq, df, lower.tail = FALSE) else NA,
       baseline_chisq = base, baseline_df = base_df,
       cfi = 1 - excess / max(chisq - df, base - base_df, 0),
       tli = if (df > 0) (base / base_df - chisq / df) / (base / base_df - 1) else 1,
       rmsea = if (df > 0) sqrt(excess / (df * ntotal)) else 0)
}

smallest_eigenvalue <- function(sigma_w, sigma_b, sizes) {
  names <- union(rownames(sigma_w), rownames(sigma_b))
  fill <- function(s) {
    out <- matrix(0, length(names), length(names), dimnames = list(names, names))
    out[rownames(s), colnames(s)] <- s
    out
  }
  W <- fill(sigma_w)
  B <- fill(sigma_b)
  scale <- diag(W)
  scale[scale == 0] <- diag(B)[scale == 0] # between-only variables: their own variance
  D <- diag(1 / sqrt(scale))
  min(sapply(c(0, unique(sizes)), function(n) {
    keep <- if (n == 0) rownames(sigma_w) else names
    index <- match(keep, names)
    min(eigen((D %*% (W + n * B) %*% D)[index, index, drop = FALSE], TRUE, TRUE)$values)
  }))
}

one_case <- function(case) {
  data <- read.csv(file.path("data", paste0(case$data, ".csv")))
  syntax <- paste(readLines(file.path("models", paste0(case$model, ".lav"))), collapse = "\n")
  fit <- tryCatch(run(syntax, data, case), error = function(e) e)
  if (inherits(fit, "error")) {
    message(case$case, ": ", conditionMessage(fit))
    return(list(fit = data.frame(case = case$case, converged = FALSE, regular = FALSE), estimates = NULL))
  }
  first <- lavInspect(fit, "converged")
  iterations <- lavInspect(fit, "iterations")
  time <- unname(fit@timing$total)
  original <- fit
  fit <- polish(fit)
  checks <- shape_checks(fit)
  implied <- lavInspect(fit, "implied")
  between <- implied[[2]]$cov
  sizes <- as.integer(table(data[[case$cluster]]))
  names_within <- rownames(implied$within$cov)
  h1 <- reference_model("saturated", names_within, rownames(between), data, case, sizes)
  baseline <- reference_model("independence", names_within, rownames(between), data, case, sizes)
  ntotal <- lavInspect(fit, "ntotal")
  npar <- ncol(constraint_basis(fit))
  loglik <- as.numeric(logLik(fit))
  row <- data.frame(
    case = case$case, converged = first, regular = is_regular(fit, first, sizes), iterations = iterations,
    seconds = round(time, 2), clusters = length(sizes), clients = ntotal, smallest = min(sizes), largest = max(sizes),
    loglik = loglik, npar = npar, aic = -2 * loglik + 2 * npar, bic = -2 * loglik + log(ntotal) * npar,
    loglik_h1 = h1$logl, npar_h1 = h1$npar, h1_regular = h1$regular,
    loglik_baseline = baseline$logl, baseline_regular = baseline$regular
  )
  row <- cbind(row, as.data.frame(indices(loglik, npar, h1, baseline, ntotal)))
  row$srmr_within <- srmr(h1$implied$within$cov, implied$within$cov)
  row$srmr_between <- tryCatch(srmr(h1$implied[[2]]$cov, between), warning = function(w) NA)
  measures <- tryCatch(suppressWarnings(fitMeasures(original)), error = function(e) numeric())
  for (m in c("chisq", "cfi", "tli", "rmsea", "srmr_within", "srmr_between")) {
    row[[paste0("lavaan_", m)]] <- if (m %in% names(measures)) unname(measures[m]) else NA
  }
  row$newton_gap <- checks$gap
  row$information_min <- checks$definite
  row$eigen_min <- smallest_eigenvalue(implied$within$cov, between, sizes)
  row$between_min <- min(eigen(cov2cor_safe(between), TRUE, TRUE)$values)
  table <- parTable(fit)
  keep <- table$op %in% c("~", "~~", "=~", "~1", ":=")
  table <- table[keep, ]
  estimates <- data.frame(case = case$case, level = table$level, lhs = table$lhs, op = table$op, rhs = table$rhs,
                          label = table$label, free = as.integer(table$free > 0), est = table$est, se = table$se)
  estimates$std <- NA
  standard <- tryCatch(standardizedSolution(fit, se = FALSE), error = function(e) NULL)
  if (!is.null(standard)) {
    standard <- standard[standard$op %in% estimates$op, ] # same rows in the same order
    stopifnot(paste(standard$lhs, standard$op, standard$rhs) == paste(estimates$lhs, estimates$op, estimates$rhs))
    estimates$std <- standard$est.std
  }
  estimates$se_robust <- NA
  if (case$missing == "listwise") {
    robust <- tryCatch(evaluate_at(fit, free_parameters(fit), "robust.huber.white"), error = function(e) NULL)
    if (!is.null(robust)) estimates$se_robust <- parTable(robust)$se[keep]
  }
  list(fit = row, estimates = estimates)
}

cov2cor_safe <- function(m) {
  s <- sqrt(abs(diag(m)))
  s[s == 0] <- 1
  m / outer(s, s)
}

results <- lapply(seq_len(nrow(cases)), function(i) {
  out <- tryCatch(one_case(cases[i, ]), error = function(e) {
    message(cases$case[i], ": ", conditionMessage(e))
    list(fit = data.frame(case = cases$case[i], converged = FALSE, regular = FALSE), estimates = NULL)
  })
  cat(sprintf("%-50s regular %-5s gap %.1e eigen %.3f\n", cases$case[i], out$fit$regular,
              if (is.null(out$fit$newton_gap)) NA else out$fit$newton_gap,
              if (is.null(out$fit$eigen_min)) NA else out$fit$eigen_min))
  out
})

bind <- function(frames) {
  columns <- unique(unlist(lapply(frames, names)))
  do.call(rbind, lapply(frames, function(f) {
    f[setdiff(columns, names(f))] <- NA
    f[columns]
  }))
}
fits <- bind(lapply(results, `[[`, "fit"))
estimates <- bind(Filter(Negate(is.null), lapply(results, `[[`, "estimates")))
format_all <- function(frame) {
  numeric <- sapply(frame, is.double)
  frame[numeric] <- lapply(frame[numeric], function(v) ifelse(is.na(v), "", formatC(v, digits = 12, format = "g", width = 1)))
  frame
}
if (length(wanted)) {
  print(t(fits))
  print(estimates)
} else {
  write.csv(format_all(fits), "expected/fit.csv", row.names = FALSE, quote = FALSE, na = "", eol = "\n")
  write.csv(format_all(estimates), "expected/estimates.csv", row.names = FALSE, quote = FALSE, na = "", eol = "\n")
  writeLines(c(R.version.string, paste("lavaan", packageVersion("lavaan"))), "expected/versions.txt")
  cat(sum(fits$regular), "regular of", nrow(fits), "\n")
}
