"""Every metric that the dashboard asks for is in a scrape."""

import json
import re

import pytest
import requests
from conftest import ROOT, Server, put
from prometheus_client.parser import text_string_to_metric_families

TIMEOUT = 20.0
DASHBOARD = ROOT / "deploy" / "grafana" / "wharf.json"
NAME = re.compile(r"\b(?:wharf|process)_[a-z_]+")
LABEL = re.compile(r"by \(([a-z, ]+)\)")


@pytest.fixture(scope="module")
def scraped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scraped")
    options = ["--otlp-endpoint", "http://127.0.0.1:9", "--request-log", folder / "requests.jsonl"]
    server = Server(folder, ["--repository", folder / "repository", *options])
    assert requests.post(f"{server.rest}/half_plus_two:predict", '{"instances":[1.0]}', timeout=TIMEOUT).ok
    put(server.repository, "half_plus_two", 124, "half_plus_two")
    traffic = {"weights": {"123": 1}, "shadow": {"version": 124}}
    assert requests.put(f"{server.http}/admin/v1/models/half_plus_two/traffic", json=traffic, timeout=TIMEOUT).ok
    text = requests.get(f"{server.metrics}/metrics", timeout=TIMEOUT).text
    server.stop()
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def expressions():
    dashboard = json.loads(DASHBOARD.read_text())
    variables = [variable["query"]["query"] for variable in dashboard["templating"]["list"] if variable["type"] == "query"]
    return variables + [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_every_metric_and_label_is_in_a_scrape(scraped):
    labels = {}
    for sample in scraped:
        labels.setdefault(sample.name, set()).update(sample.labels)
    assert len(expressions()) > 20
    for expression in expressions():
        names = NAME.findall(expression)
        assert names, expression
        for name in names:
            assert name in labels, f"{name} of {expression}"
            wanted = {label.strip() for group in LABEL.findall(expression) for label in group.split(",")}
            assert wanted <= labels[name] | {"le"}, f"{name} has no {wanted - labels[name]}"


def test_panels_do_not_overlap_and_have_numbers_of_their_own():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)
