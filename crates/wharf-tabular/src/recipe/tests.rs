use std::path::Path;
use std::time::Duration;

use super::*;

const RECIPE: &str = r#"
name = "adult"
metric = "roc_auc"
class_weights = "balanced"

[data]
path = "adult.csv"
target = "income"
drop = ["id"]
csv = { delimiter = ";", types = { zip = "category" } }

[preparation]
categories = { max_levels = 20 }

[selection]
score = "anova_f"
keep = 10

[validation]
folds = 3

[search]
kind = "random"
trials = 7
budget = "90s"

[[candidates]]
kind = "gradient_boosting"
trees = 50
search = { learning_rate = { float = [0.01, 0.3], log = true } }

[[candidates]]
kind = "logistic"
"#;

fn problems(text: &str) -> String {
    TableRecipe::parse(text, Path::new("")).unwrap_err().to_string()
}

#[test]
fn a_recipe_is_read_whole() {
    let recipe = TableRecipe::parse(RECIPE, Path::new("here")).unwrap();
    assert_eq!(recipe.metric, Some(Metric::RocAuc));
    assert!(recipe.balanced && recipe.data.csv.delimiter == Some(';'));
    assert_eq!(recipe.preparation.categories.max_levels, 20);
    assert_eq!(recipe.selection.unwrap().keep, Keep::Count(10));
    assert_eq!((recipe.validation.folds, recipe.validation.holdout), (3, 0.2));
    assert_eq!(recipe.search.budget, Some(Duration::from_secs(90)));
    let [boosted, logistic] = recipe.candidates.as_slice() else { panic!("not two") };
    assert_eq!(boosted.space.dimensions().count(), 1);
    assert_eq!(logistic.space.dimensions().count(), 1);
    assert_eq!(recipe.data_path(None), Path::new("here/adult.csv"));
}

#[test]
fn every_mistake_is_named() {
    for (from, to, expected) in [
        ("kind = \"random\"", "kind = \"randon\"", "did you mean `random`"),
        ("folds = 3", "folds = 0", "`validation.folds` = 0: expected 1 to 100"),
        ("folds = 3", "fold = 3", "unknown key `fold`, did you mean `folds`?"),
        ("budget = \"90s\"", "budget = \"ninety\"", "expected a time such as"),
        ("metric = \"roc_auc\"", "metric = \"auc\"", "`metric` = \"auc\""),
        ("trees = 50", "treees = 50", "candidates[0]"),
        ("learning_rate = {", "learning_rat = {", "is no setting of `gradient_boosting`"),
        ("float = [0.01, 0.3]", "float = [0.3, 0.01]", "candidates[0].search.learning_rate"),
        ("max_levels = 20", "max_level = 20", "`preparation`"),
        ("keep = 10", "keep = 0", "expected a whole number of at least 1"),
        ("target = \"income\"", "", "`data.target`: is missing"),
    ] {
        let message = problems(&RECIPE.replace(from, to));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn recipes_for_tables_are_known_by_their_target() {
    assert!(TableRecipe::is_one(RECIPE));
    assert!(!TableRecipe::is_one("name = \"x\"\n[data]\npath = \"y\"") && !TableRecipe::is_one("["));
}

#[test]
fn the_automatic_recipe_is_one() {
    let text = automatic("adult", Path::new("/a b/\"adult\".csv"), "a.b", Duration::from_secs(300), 7);
    let recipe = TableRecipe::parse(&text, Path::new("")).unwrap();
    assert_eq!((recipe.data.target.as_str(), recipe.seed), ("a.b", 7));
    assert_eq!(recipe.data.path, Path::new("/a b/\"adult\".csv"));
    assert_eq!(recipe.search.budget, Some(Duration::from_secs(300)));
}

#[test]
fn times_have_units() {
    for (text, expected) in [
        ("90s", Some(90)),
        ("5m", Some(300)),
        ("2h", Some(7200)),
        ("5", None),
        ("0s", None),
        ("-1m", None),
        ("", None),
        ("ém", None),
    ] {
        assert_eq!(parse_duration(text), expected.map(Duration::from_secs), "{text}");
    }
}
