"""Methods that know no study: regression, intervals, normal integrals."""
