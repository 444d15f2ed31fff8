"""Runs Spotter on instances and compares what it says with the instance list; shared by the scripts that do so."""

from __future__ import annotations

import argparse
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

DATASETS = ("swe-bench", "swe-gym")


@dataclass(frozen=True)
class Case:
    """One instance of one derived dataset."""

    instance_id: str
    dataset: str
    entry: dict
    row: dict


@dataclass(frozen=True)
class Setup:
    """Where things are."""

    binary: Path
    out: Path
    run: str


def argument_parser(description: str | None) -> argparse.ArgumentParser:
    """Returns a parser of the arguments that all of these scripts take."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path(".runs/registry"))
    parser.add_argument("--binary", type=Path, default=Path("target/debug/spotter"))
    parser.add_argument("--only", nargs="*", default=[])
    return parser


def find_cases(out: Path, data: Path, only: list[str]) -> list[Case]:
    """Returns the instances of the derived datasets whose image is on the engine."""
    entries = {}
    for line in (data / "registry-instances.jsonl").read_text().splitlines():
        entry = json.loads(line)
        entries[entry["instance_id"]] = entry
    cases = []
    for dataset in DATASETS:
        path = out / f"{dataset}.jsonl"
        for line in path.read_text().splitlines() if path.exists() else []:
            row = json.loads(line)
            wanted = not only or row["instance_id"] in only
            if wanted and has_image(row["image"]):
                cases.append(Case(row["instance_id"], dataset, entries[row["instance_id"]], row))
    return cases


def has_image(name: str) -> bool:
    """Returns whether the engine has an image."""
    return subprocess.run(["docker", "image", "inspect", name], capture_output=True).returncode == 0


def check_solved(case: Case, report: dict | None) -> list[str]:
    """Returns what is wrong with the verdict on an episode that must solve its instance."""
    if report is None:
        return [f"{case.instance_id}: solve: expected resolved: true, got no verdict; its log tells why"]
    problems = [] if report["resolved"] else [f"{case.instance_id}: solve: expected resolved: true, got false"]
    for name, key in (("FAIL_TO_PASS", "f2p_after"), ("PASS_TO_PASS", "p2p_after")):
        group = report["tests_status"][name]
        passed = len(group["success"])
        found = f"{passed}/{passed + len(group['failure'])}"
        if found != case.entry[key]:
            problems.append(f"{case.instance_id}: {name}: expected {case.entry[key]}, got {found}")
    return problems


def call(setup: Setup, case: Case, kind: str, arguments: list[str]) -> dict | None:
    """Runs the program and returns the report it prints; its other words go to a log."""
    layers = ["-c", layer(setup, case.dataset), "--run", run_name(setup, case, kind)]
    done = subprocess.run([str(setup.binary), *arguments, "--reports", *layers], capture_output=True, text=True)
    log = setup.out / "solve" / f"{case.instance_id}.{kind}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    if done.returncode != 0:
        return None
    return json.loads(done.stdout)[case.instance_id]


def layer(setup: Setup, dataset: str) -> str:
    """Returns the layer of configuration that names a dataset."""
    return "env.dataset=demo" if dataset == "demo" else str(setup.out / f"{dataset}.yaml")


def run_name(setup: Setup, case: Case, kind: str) -> str:
    """Returns the name of a run. One run holds one configuration, so each dataset has its own."""
    return f"{setup.run}-{case.dataset}-{kind}"
