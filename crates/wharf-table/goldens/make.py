"""Makes goldens.json: what scikit-learn makes of small columns.

Run with scikit-learn 1.9 installed: python3 goldens/make.py
The inputs are in the file as well, so that the tests need no formula for them.
"""

import json
import pathlib

import numpy
import sklearn
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, RobustScaler, StandardScaler

random = numpy.random.RandomState(7)


def listed(values):
    return [None if isinstance(v, float) and numpy.isnan(v) else v for v in numpy.asarray(values).tolist()]


def columns():
    yield "normal", random.normal(50, 12, 101)
    yield "skewed", numpy.exp(random.normal(0, 2, 64))
    yield "far", 1e9 + random.uniform(-1, 1, 50)
    yield "ties", random.randint(0, 5, 80).astype(float)
    yield "two", numpy.array([3.0, 4.5])
    yield "constant_but_missing", numpy.full(10, 2.5)


def numbers():
    scalers = {"none": None, "standard": StandardScaler, "min_max": MinMaxScaler, "robust": RobustScaler}
    for name, values in columns():
        values[random.uniform(size=len(values)) < 0.1] = numpy.nan
        values[0] = 3.0 if name == "two" else values[1]
        for strategy in ["mean", "median", "most_frequent", "constant"]:
            imputer = SimpleImputer(strategy=strategy, add_indicator=False, fill_value=1.25)
            for scale, scaler in scalers.items():
                pipeline = make_pipeline(imputer, scaler()) if scaler else imputer
                result = pipeline.fit_transform(values[:, None])[:, 0]
                yield {"name": name, "values": listed(values), "impute": strategy, "scale": scale, "result": listed(result)}


def clips():
    for name, values in columns():
        for low, high in [(0.01, 0.99), (0.1, 0.75), (0.0, 1.0)]:
            ends = numpy.quantile(values, [low, high])
            yield {"values": listed(values), "shares": [low, high], "result": listed(numpy.clip(values, *ends))}


LEVELS = ["oak", "ash", "elm", "oak", "Birch", "ash", "oak", "", "élan", "zinc 9", "10", "9"]


def categories():
    train = numpy.array([[level] for level in LEVELS if level], dtype=object)
    new = numpy.array([["ash"], ["unknown"], ["oak"], ["élan"]], dtype=object)
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(train)
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=8).fit(train)
    frequent = OneHotEncoder(handle_unknown="infrequent_if_exist", sparse_output=False, min_frequency=2).fit(train)
    return {
        "train": [row[0] for row in train.tolist()],
        "new": [row[0] for row in new.tolist()],
        "levels": one_hot.categories_[0].tolist(),
        "one_hot": one_hot.transform(new).ravel().tolist(),
        "ordinal": ordinal.transform(new).ravel().tolist(),
        "frequent": frequent.transform(new).ravel().tolist(),
    }


TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "the dog, the DOG and the fox: a tale of 2 foxes",
    "Ünïcode çafé CAFÉ naïve snake_case x1 1x",
    "",
    "repeated repeated repeated words words",
    "Don't split e-mail; I'm here!",
    "日本語 テスト 東京 tokyo",
]
NEW_TEXTS = ["a quick dog and a CAFÉ", "nothing known", "fox fox snake_case 東京"]


def texts():
    for min_df, max_features in [(1, None), (2, None)]:
        vectorizer = TfidfVectorizer(min_df=min_df, max_features=max_features).fit(TEXTS)
        yield {
            "min_documents": min_df,
            "terms": vectorizer.get_feature_names_out().tolist(),
            "idf": vectorizer.idf_.tolist(),
            "train": vectorizer.transform(TEXTS).toarray().ravel().tolist(),
            "new": vectorizer.transform(NEW_TEXTS).toarray().ravel().tolist(),
        }


def hashed():
    vectorizer = HashingVectorizer(n_features=32, alternate_sign=False, norm=None)
    return vectorizer.transform(TEXTS).toarray().ravel().tolist()


goldens = {
    "scikit_learn": sklearn.__version__,
    "numbers": list(numbers()),
    "clips": list(clips()),
    "categories": categories(),
    "texts": TEXTS,
    "new_texts": NEW_TEXTS,
    "tf_idf": list(texts()),
    "hashed": hashed(),
}
path = pathlib.Path(__file__).with_name("goldens.json")
path.write_text(json.dumps(goldens, ensure_ascii=False, indent=None, separators=(",", ":")) + "\n")
