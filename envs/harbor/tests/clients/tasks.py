"""Reads task folders with Harbor's own loader and with the Harbor taskset of verifiers: FOLDER."""

import sys
from pathlib import Path

from harbor.models.task.task import Task
from harbor.models.task.verifier_mode import resolve_verifier_environment_definition

folder = Path(sys.argv[1])
tasks = sorted(path.parent for path in folder.glob("*/task.toml"))
assert tasks, f"no tasks in {folder}"
for path in tasks:
    assert Task.is_valid_dir(path), path
    task = Task(path)
    assert task.config.schema_version == "1.4"
    assert task.instruction.strip()
    definition = resolve_verifier_environment_definition(task.config, task.paths)
    # A sandbox of its own, to which the tests are brought.
    assert definition is not None and not definition.bundled_tests, path
    assert definition.config.network_mode.value == "no-network"
    assert definition.config.healthcheck is None and task.config.environment.healthcheck is not None
print(len(tasks), "tasks are read by harbor")

try:
    from verifiers.v1.tasksets.harbor.taskset import HarborConfig, parse_task
except ImportError as error:
    print("SKIPPED: verifiers:", error)
else:
    for number, path in enumerate(tasks):
        data = parse_task(path, number, HarborConfig(ignore_dockerfile=True))
        assert data.verifier is not None and data.verifier.network_allow == [], path
        assert len(data.collect) == 1 and [artifact.source for artifact in data.artifacts], path
    print(len(tasks), "tasks are listed by verifiers")
