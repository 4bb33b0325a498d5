"""Before numpy is loaded: one thread for its linear algebra, whose matrices are smaller than the cost of sharing them."""

import os

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")
