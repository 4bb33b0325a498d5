"""Two-level normal likelihood of complete data, with analytic gradient and Hessian.

Notation
--------
y_ij = mu_y + u_j + e_ij,  e_ij ~ N(0, S_W) (p x p),  client i of cluster j, n_j clients;
b_j = (mean of y_ij over i, z_j): the cluster's means and its between-only variables, length t = p + q;
V_B: covariance of (u_j, z_j), t x t, zero rows for within-only variables;
V_n = V_B + S_W / n in its leading p x p block: covariance of b_j in a cluster of n clients.

Rotating each cluster's rows by an orthonormal matrix whose first row is constant separates the pooled
within part from the cluster means (McDonald & Goldstein, 1989, Br. J. Math. Stat. Psychol. 42, 215-232;
Muthen, 1994, Sociol. Methods Res. 22, 376-398), so that with J clusters, N clients, pooled within SSP
matrix W, and for each distinct size n: c_n clusters, their mean m_n and cross-product C_n of b about it,

  -2 log L = (N - J) log|S_W| + tr(S_W^-1 W)
             + sum_n { c_n (p log n + log|V_n|) + tr(V_n^-1 [C_n + c_n (m_n - mu)(m_n - mu)']) }
             + (N p + J q) log(2 pi).

For q = 0 the sum is the familiar c_n log|S_W + n S_B| + ..., since V_n = (S_W + n S_B) / n.

Derivatives in moment space, with r = V_n^-1 (m_n - mu) and P = V_n^-1 [...] V_n^-1:
d/dV_n = c_n V_n^-1 - P =: G_n,  d/dmu = -2 c_n r,  d/dS_W = (N - J) S_W^-1 - S_W^-1 W S_W^-1 + sum_n G_n[y, y] / n.
"""

from __future__ import annotations

import numpy as np

from ..compiled import compiled
from ..linalg import invert_definite, multiply

# Sufficient statistics: sizes n, counts c_n, means m_n, cross-products C_n, W, N - J.
STATISTICS = "f8[::1], f8[::1], f8[:,::1], f8[:,:,::1], f8[:,::1], f8"


@compiled(
    "f8(f8[:,::1], f8[:,::1], f8[::1], " + STATISTICS + ","
    " f8[:,::1], f8[:,::1], f8[::1], f8[:,::1], f8[:,::1], f8[:,:,::1], f8[:,:,::1], f8[:,::1])"
)
def complete_gradient(
    sw, vb, mu, sizes, counts, means, cross, within, within_df, gw, gb, gmu, wi, wp, vi, vp, r
):
    """-2 log L without its constant (inf where a covariance matrix is not definite).

    Fills the derivatives gw, gb, gmu and what `complete_tangents` needs again:
    wi = S_W^-1, wp = S_W^-1 W S_W^-1, and for each size vi = V_n^-1, vp = P, r.
    """
    p, t = sw.shape[0], vb.shape[0]
    work_p, work_t = np.empty((p, p)), np.empty((t, t))
    v, a, d = np.empty((t, t)), np.empty((t, t)), np.empty(t)
    logdet = invert_definite(sw, wi)
    if np.isnan(logdet):
        return np.inf
    value = within_df * logdet
    multiply(wi, within, work_p)
    multiply(work_p, wi, wp)
    for i in range(p):
        value += work_p[i, i]
        for j in range(p):
            gw[i, j] = within_df * wi[i, j] - wp[i, j]
    gb[:, :] = 0.0
    gmu[:] = 0.0
    for s in range(sizes.shape[0]):
        n, c = sizes[s], counts[s]
        v[:, :] = vb
        for i in range(p):
            for j in range(p):
                v[i, j] += sw[i, j] / n
        logdet = invert_definite(v, vi[s])
        if np.isnan(logdet):
            return np.inf
        for i in range(t):
            d[i] = means[s, i] - mu[i]
        for i in range(t):
            for j in range(t):
                a[i, j] = cross[s, i, j] + c * d[i] * d[j]
        multiply(vi[s], a, work_t)
        multiply(work_t, vi[s], vp[s])
        value += c * (p * np.log(n) + logdet)
        for i in range(t):
            value += work_t[i, i]
            r[s, i] = 0.0
            for j in range(t):
                r[s, i] += vi[s, i, j] * d[j]
                g = c * vi[s, i, j] - vp[s, i, j]
                gb[i, j] += g
                if i < p and j < p:
                    gw[i, j] += g / n
            gmu[i] -= 2.0 * c * r[s, i]
    return value


@compiled(
    "void(f8[:,:,::1], f8[:,:,::1], f8[:,::1], f8[::1], f8[::1], f8,"
    " f8[:,::1], f8[:,::1], f8[:,:,::1], f8[:,:,::1], f8[:,::1], f8[:,:,::1], f8[:,:,::1], f8[:,::1])"
)
def complete_tangents(dsw, dvb, dmu, sizes, counts, within_df, wi, wp, vi, vp, r, dgw, dgb, dgmu):
    """Derivatives of gw, gb, gmu along each direction (dsw, dvb, dmu) of moment space (first axis).

    With X = V^-1 dV and s = V^-1 dmu: dG = -c X V^-1 + X P + (X P)' + c (r s' + s r'),
    d(dmu part) = 2 c (X r + s); the pooled within part likewise, without mean.
    """
    p, t = wi.shape[0], dmu.shape[1]
    xp, yp, zp = np.empty((p, p)), np.empty((p, p)), np.empty((p, p))
    v, x, y, z = np.empty((t, t)), np.empty((t, t)), np.empty((t, t)), np.empty((t, t))
    xr, sm = np.empty(t), np.empty(t)
    dgb[:, :, :] = 0.0
    dgmu[:, :] = 0.0
    for k in range(dmu.shape[0]):
        multiply(wi, dsw[k], xp)
        multiply(xp, wi, yp)
        multiply(xp, wp, zp)
        for i in range(p):
            for j in range(p):
                dgw[k, i, j] = -within_df * yp[i, j] + zp[i, j] + zp[j, i]
        for s in range(sizes.shape[0]):
            n, c = sizes[s], counts[s]
            v[:, :] = dvb[k]
            for i in range(p):
                for j in range(p):
                    v[i, j] += dsw[k, i, j] / n
            multiply(vi[s], v, x)
            multiply(x, vi[s], y)
            multiply(x, vp[s], z)
            for i in range(t):
                xr[i] = 0.0
                sm[i] = 0.0
                for j in range(t):
                    xr[i] += x[i, j] * r[s, j]
                    sm[i] += vi[s, i, j] * dmu[k, j]
            for i in range(t):
                dgmu[k, i] += 2.0 * c * (xr[i] + sm[i])
                for j in range(t):
                    g = -c * y[i, j] + z[i, j] + z[j, i] + c * (r[s, i] * sm[j] + sm[i] * r[s, j])
                    dgb[k, i, j] += g
                    if i < p and j < p:
                        dgw[k, i, j] += g / n
