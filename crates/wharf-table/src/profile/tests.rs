use super::*;
use crate::{CsvOptions, Table, TableErrorKind, read_csv_bytes};

fn table(content: &str) -> Table {
    read_csv_bytes(content.as_bytes(), &CsvOptions::default()).unwrap()
}

/// 200 rows of people: `alive` gives `survived` away, `code` and `id` are names, `tax` is twice `pay`.
fn people() -> Table {
    let mut content = "id,code,survived,alive,age,pay,tax,one,none,day,note\n".to_owned();
    for row in 0..200_usize {
        let survived = usize::from(row * 7919 % 13 < 5);
        let alive = ["no", "yes"][survived];
        let age = if row % 4 == 1 { String::new() } else { (row * 31 % 60).to_string() };
        let note = if row % 3 == 0 { "rare" } else { "" };
        let (pay, day) = (row * 17 % 101, row % 28 + 1);
        content.push_str(&format!(
            "{row},c{row},{survived},{alive},{age},{pay},{},x,,2024-01-{day:02},{note}\n",
            pay * 2
        ));
    }
    table(&content)
}

#[test]
fn what_should_be_looked_at_is_found() {
    let profile = profile(&people(), Some("survived")).unwrap();
    let found: Vec<String> = profile.findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "`alive` alone gives 100.0 % of the target away: is it known when the model is asked?",
            "`id` has a value of its own in every row",
            "`code` has a value of its own in every row",
            "`one` has the same value in every row",
            "`none` has no values",
            "`note` is missing in 66.5 % of the rows",
            "`tax` says the same as `pay`",
        ]
    );
    let target = profile.target.unwrap();
    assert_eq!(target.classes.iter().map(|(_, count)| count).sum::<usize>(), 200);
    assert_eq!(
        (target.associations[0].column.as_str(), target.associations[0].measure),
        ("alive", Measure::CramersV)
    );
    assert!(target.associations[0].value > 0.99);
}

#[test]
fn numbers_have_quantiles_and_bars() {
    let profile = profile(&table("x\n1\n2\n2\n3\n?\n"), None).unwrap();
    let column = &profile.columns[0];
    let numbers = column.numbers.as_ref().unwrap();
    assert_eq!((column.missing, column.distinct, numbers.mean), (1, 3, 2.0));
    assert_eq!(numbers.quantiles[3], 2.0);
    assert_eq!(numbers.histogram.iter().map(|bin| bin.count).collect::<Vec<_>>(), [1, 2, 1]);
    let wide = table(&(0..1000).fold("x\n".to_owned(), |text, row| format!("{text}{}\n", row as f64 / 8.0)));
    let profile = super::profile(&wide, None).unwrap();
    let bars = &profile.columns[0].numbers.as_ref().unwrap().histogram;
    assert_eq!(bars.len(), 20);
    assert!(bars.iter().all(|bin| bin.count == 50), "{bars:?}");
}

#[test]
fn a_number_that_gives_a_number_away_is_a_leak() {
    let mut content = "price,cents,noise,class\n".to_owned();
    for row in 0..400_u32 {
        let price = f64::from(row * 7919 % 401) + 0.5;
        content.push_str(&format!("{price},{},{},{}\n", price * 100.0, row * 31 % 97, row % 2));
    }
    let found = profile(&table(&content), Some("price")).unwrap().findings;
    let leaks: Vec<&str> = found
        .iter()
        .filter_map(|finding| match finding {
            Finding::Leak { column, .. } => Some(column.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(leaks, ["cents"]);
}

#[test]
fn target_mistakes_are_found_or_refused() {
    let found = |content: &str| -> Vec<String> {
        let profile = profile(&table(content), Some("y")).unwrap();
        profile.findings.iter().map(ToString::to_string).collect()
    };
    assert_eq!(found("x,y\n1,a\n2,a\n3,\n"), ["1 row has no target", "the target is the same in every row"]);
    let rare = "x,y\n".to_owned() + &"1,a\n2,a\n".repeat(20) + "3,b\n";
    assert!(found(&rare).contains(&"only 1 row has the class `b`".to_owned()));
    let error = profile(&table("x,y\n1,2\n"), Some("z")).unwrap_err();
    assert_eq!(error.kind(), TableErrorKind::Missing);
}

#[test]
fn text_is_aligned_and_keeps_to_lines() {
    let profile = profile(&people(), Some("survived")).unwrap();
    let text = text(&profile);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "200 rows, 11 columns");
    assert!(lines[2].starts_with("column    type      missing  distinct  values"), "{}", lines[2]);
    assert!(text.contains("2024-01-01 to 2024-01-28") && text.contains("To look at"), "{text}");
    let odd = table("\"a\nb\"\n\"c\nd\"\ne\n");
    let text = super::text(&super::profile(&odd, None).unwrap());
    assert_eq!(text.lines().count(), 4, "{text}");
}

#[test]
fn page_holds_every_part_and_escapes_names() {
    let mut content = "<b>,y\n".to_owned();
    (0..50).for_each(|row| content.push_str(&format!("{row}.5,{}\n", row % 2)));
    let page = html(&profile(&table(&content), Some("y")).unwrap(), "People & pay");
    for part in ["People &amp; pay", "&lt;b&gt;", "Distributions", "Correlations", "Rows of each class"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<b>"));
}
