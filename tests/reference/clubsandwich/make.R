# Oracle for CR2 and Satterthwaite df: R's clubSandwich (Debian: r-cran-clubsandwich 0.5.8).
# Run in this folder:  Rscript make.R
# Writes data.csv (the data, made here once from a fixed seed), coefficients.csv and joint.csv.
suppressMessages(library(clubSandwich))

set.seed(20210610)
sizes <- c(1, 2, 2, 3, 3, 4, 4, 4, 5, 6, 8, 9)
cluster <- rep(seq_along(sizes), sizes)
n <- length(cluster)
u <- matrix(rnorm(3 * length(sizes)), ncol = 3)[cluster, ]
age <- round(rnorm(n, 38, 12))
female <- as.integer(runif(n) < 0.65)
x <- 15 + 1.0 * u[, 1] + 2.5 * rnorm(n)
m <- 20 + 0.5 * x + 1.5 * u[, 2] + 5 * rnorm(n)
y <- 70 - 1.2 * m - 0.4 * x + 4 * u[, 3] + 15 * rnorm(n)
only_one <- as.integer(cluster == 4)
data <- data.frame(cluster, age, female, x, m, y, only_one)
write.csv(format(data, digits = 17), "data.csv", row.names = FALSE, quote = FALSE)
data <- read.csv("data.csv")

formulas <- list(
  simple = y ~ x,
  path_a = m ~ x,
  path_b = y ~ m + x,
  covariates = y ~ m + x + age + female,
  therapist = y ~ x + only_one
)
rows <- list()
for (name in names(formulas)) {
  fit <- lm(formulas[[name]], data = data)
  test <- coef_test(fit, vcov = "CR2", cluster = data$cluster, test = "Satterthwaite", p_values = TRUE)
  v <- as.matrix(vcovCR(fit, cluster = data$cluster, type = "CR2"))
  rows[[name]] <- data.frame(
    model = name, term = names(coef(fit)), coef = unname(coef(fit)),
    se = sqrt(diag(v)), df = test$df, p = test$p_Satt
  )
}
write.csv(format(do.call(rbind, rows), digits = 15), "coefficients.csv", row.names = FALSE, quote = FALSE)

fit <- lm(y ~ m + x + age + female, data = data)
joint <- Wald_test(fit, constraints = constrain_zero(4:5), vcov = "CR2", cluster = data$cluster, test = "HTZ")
write.csv(format(data.frame(f = joint$Fstat, df = joint$df_denom, p = joint$p_val), digits = 15),
          "joint.csv", row.names = FALSE, quote = FALSE)
