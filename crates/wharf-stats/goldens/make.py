"""Makes the JSON files beside this script from scikit-learn and SciPy.

Run with scikit-learn 1.9 and SciPy installed: python3 goldens/make.py
"""

import json
import pathlib
import warnings

import folds
import intervals
import metrics
import mutual
import scores
import special

warnings.simplefilter("ignore")
SECTIONS = [folds, intervals, metrics, mutual, scores, special]

for section in SECTIONS:
    path = pathlib.Path(__file__).parent / f"{section.__name__}.json"
    path.write_text(json.dumps(section.make(), separators=(",", ":"), allow_nan=False) + "\n")
