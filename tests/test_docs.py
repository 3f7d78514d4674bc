"""The operator's pages say what is so: settings, alarms, named tests, deployment files."""

import ast
import json
import re
import tomllib
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from pydantic import BaseModel

from gateway.cli import main
from gateway.config import Settings
from gateway.metrics import ALARMS as COUNTED
from gateway.metrics import Metrics
from gateway.web import ALARMS

ROOT = Path(__file__).resolve().parents[1]
OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def settings_of(model: type[BaseModel], before: str = "") -> Iterator[tuple[str, object]]:
    """(dotted name, default) of every setting."""
    for name, field in model.model_fields.items():
        kinds = (field.annotation, *typing.get_args(field.annotation))
        parts = [one for one in kinds if isinstance(one, type) and issubclass(one, BaseModel)]
        if parts and typing.get_origin(field.annotation) is not tuple:
            yield from settings_of(parts[0], f"{before}{name}.")
        else:
            yield f"{before}{name}", "needed" if field.is_required() else field.default


def test_every_setting_is_in_the_table_with_its_default_and_no_other() -> None:
    table = OPERATING.partition("## Settings")[2].partition("## Certificates")[0]
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \| (.*?) ?\| ", table, re.MULTILINE))
    known = dict(settings_of(Settings))
    assert set(rows) == set(known)
    for name, default in known.items():
        if isinstance(default, tuple):
            assert rows[name] == f"{default[0].years} years", name
        else:
            assert rows[name].strip("`") == ("" if default is None else str(default)), name


def alarms() -> set[str]:
    """Every alarm the gateway raises: in its log, or in its metrics."""
    found = set(ALARMS.values())
    for path in (ROOT / "gateway").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            given = [word.value for word in node.keywords if word.arg == "alarm"]
            if "alarms.labels" in ast.unparse(node.func):
                given += node.args
            found |= {one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return found


LOG_ONLY = {"worker-ended", "worker-not-replaced"}
"""Raised by the supervisor, which has no metrics."""


def test_every_alarm_is_counted_from_nought_on() -> None:
    """A series that first appears as 1 has not increased: Prometheus would tell nobody of the first alarm of a kind."""
    assert set(COUNTED) == alarms() - LOG_ONLY
    text = Metrics().text().decode()
    for alarm in COUNTED:
        assert f'scr_alarms_total{{alarm="{alarm}"}} 0.0' in text


def test_every_metric_that_a_rule_watches_is_told_from_the_start() -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text(encoding="utf-8"))
    metrics = Metrics()
    metrics.watch(lambda: 0, ("psis",))
    text = metrics.text().decode()
    watched = {
        name for rule in rules["groups"][0]["rules"] for name in re.findall(r"(?:scr|process)_\w+", rule["expr"])
    }
    assert len(watched) > 4
    for name in watched:
        assert re.search(rf"^{name}[{{ ]", text, re.MULTILINE), name


def test_every_alarm_is_explained_and_no_other() -> None:
    part = OPERATING.partition("## What each alarm means")[2]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", part, re.MULTILINE)) == alarms()


@pytest.mark.parametrize("page", ["security", "clinical-safety"])
def test_every_test_that_a_page_names_exists(page: str) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    named = NAMED.findall(text)
    assert len(named) > 25
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert name in {one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}, name
    for row in re.findall(r"^\| (?!hazard|threat|---).*", text, re.MULTILINE):
        assert NAMED.search(row), f"no test: {row}"


def test_the_readme_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for page in ("operating", "security", "clinical-safety"):
        assert f"docs/{page}.md" in readme


# Deployment


def test_the_scaled_compose_file_names_what_is_there() -> None:
    text = (ROOT / "deploy" / "scaled.yml").read_text(encoding="utf-8").replace("!override ", "")
    services = yaml.safe_load(text)["services"]
    gateways = {name for name in services if name.startswith("gateway")}
    assert gateways == {"gateway", "gateway2", "gateway3"}
    balanced = set(re.findall(r"server (\w+):8443", (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")))
    scraped = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text(encoding="utf-8"))
    targets = scraped["scrape_configs"][0]["static_configs"][0]["targets"]
    inside = tomllib.loads((ROOT / "deploy" / "compose.toml").read_text(encoding="utf-8"))["listen"]["internal"]
    assert balanced == gateways
    assert set(targets) == {f"{name}:{inside['port']}" for name in gateways}
    for name in gateways:
        assert services[name]["environment"]["SCR_GATEWAY_LISTEN__INTERNAL__HOST"] == "0.0.0.0"  # noqa: S104
    for name in ("nginx", "prometheus", "grafana"):
        for volume in services[name]["volumes"]:
            assert (ROOT / volume.partition(":")[0]).exists(), volume


def test_dashboard_and_alerts_ask_for_metrics_that_exist() -> None:
    told = set(re.findall(r"^# TYPE (\w+) ", Metrics().text().decode(), re.MULTILINE))
    board = json.loads((ROOT / "deploy" / "grafana" / "dashboards" / "gateway.json").read_text(encoding="utf-8"))
    rules = yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    asked += [rule["expr"] for rule in rules]
    names = {name for one in asked for name in re.findall(r"\bscr_\w+", one)}
    assert len(names) > 12
    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in names} <= told
    for path in (ROOT / "deploy" / "grafana" / "provisioning").rglob("*.yml"):
        assert yaml.safe_load(path.read_text(encoding="utf-8"))["apiVersion"] == 1


def test_check_config_tells_every_fault_at_once(tmp_path: Path) -> None:
    text = (ROOT / "deploy" / "compose.toml").read_text(encoding="utf-8").replace("/state", str(tmp_path))
    (tmp_path / "registry.toml").write_text("[[systems]]\nid = 'x'\n", encoding="utf-8")
    path = tmp_path / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(main, ["check-config", "--config", str(path)])
    assert result.exit_code == 1
    for word in (
        "listen.mutual_tls.certificate", "listen.mutual_tls.key", "listen.mutual_tls.client_ca", "store.keys", "training",
        "registry", "identity.issuer", "identity.launch_key", "identity.saml_metadata_url", "spine.sync_url", "spine.pds_url",
        "nhs_number_range",
    ):  # fmt: skip
        assert re.search(rf"^{re.escape(word)}: ", result.output, re.MULTILINE), (word, result.output)
