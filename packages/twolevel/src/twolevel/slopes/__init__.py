"""Random slopes of level 1: statistics of each cluster, their likelihood in closed form or by quadrature."""
