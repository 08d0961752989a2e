"""Values of special functions and distributions."""

import numpy
from scipy import special, stats


def make():
    return {
        "digamma": [[x, float(special.digamma(x))] for x in
                    [0.01, 0.3, 0.5, 1, 1.4616321449683623, 2, 3, 5.5, 9.99, 10, 11.5, 12, 50, 1000, 1e6, 1e12,
                     -0.5, -2.3, -7.75]],
        "gamma": [[a, x, float(special.gammainc(a, x)), float(special.gammaincc(a, x))]
                  for a in [0.1, 0.5, 1, 2.5, 10, 15.9, 100, 5000, 1e6]
                  for x in [a * f for f in [0.01, 0.5, 0.9, 1, 1.02, 1.5, 3]]
                  if special.gammaincc(a, x) > 1e-280],
        "beta": [[a, b, x, float(special.betainc(a, b, x))]
                 for a in [0.2, 0.5, 1, 3, 20, 400] for b in [0.5, 2, 7.5, 90, 3000]
                 for x in [1e-6, 0.01, 0.2, 0.5, 0.9, 0.999] if special.betainc(a, b, x) > 1e-280],
        "f": [[f, d1, d2, float(stats.f.sf(f, d1, d2))]
              for d1 in [1, 2, 9] for d2 in [1, 5, 60, 30000, 1e6] for f in [1e-6, 0.3, 1, 2.5, 11, 60]
              if stats.f.sf(f, d1, d2) > 1e-280],
        "normal": [[p, float(stats.norm.ppf(p))] for p in
                   [1e-200, 1e-12, 1e-4, 0.025, 0.3, 0.5, 0.7, 0.9, 0.975, 0.999]],
        "student": [[d, p, float(stats.t.ppf(p, d))] for d in [1, 2, 3.5, 9, 30, 500, 1e6]
                    for p in [1e-8, 0.001, 0.025, 0.4, 0.5, 0.8, 0.975, 0.9999]],
    }
