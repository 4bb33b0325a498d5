# Oracle for alpha and omega total: R's psych (Debian: r-cran-psych 2.2.9).
# Run in this folder:  Rscript make.R
# Writes items.csv (ordinal answers, made here once from a fixed seed) and expected.csv.
suppressMessages(library(psych))

set.seed(20210610)
n <- 150
factors <- matrix(rnorm(3 * n), n) %*% chol(matrix(c(1, .5, .4, .5, 1, .6, .4, .6, 1), 3))
weight <- c(.8, .7, .6, .5)
answers <- sapply(1:12, function(i) {
  f <- (i - 1) %/% 4 + 1
  w <- weight[(i - 1) %% 4 + 1]
  score <- w * factors[, f] + sqrt(1 - w^2) * rnorm(n)
  pmin(5, pmax(1, round(3.5 + 1.1 * score)))
})
colnames(answers) <- paste0("item_", 1:12)
write.csv(data.frame(answers), "items.csv", row.names = FALSE, quote = FALSE)

omega <- function(x, k) {
  c <- cov(x)
  h <- suppressWarnings(fa(x, nfactors = k, rotate = "none", fm = "minres"))$communality
  1 - sum(diag(c) * (1 - h)) / sum(c)
}
rows <- lapply(list(first = 1:4, second = 5:8, third = 9:12, all = 1:12), function(items) {
  x <- answers[, items]
  data.frame(alpha = suppressWarnings(alpha(x))$total$raw_alpha, omega = omega(x, length(items) / 4))
})
expected <- do.call(rbind, rows)
write.csv(format(data.frame(scale = rownames(expected), expected), digits = 12), "expected.csv",
          row.names = FALSE, quote = FALSE)
