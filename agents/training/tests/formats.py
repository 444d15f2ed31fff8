"""Reads an export with the programs that own its format, and prints what they found.

    pip install harbor inspect_ai mini-swe-agent
    python formats.py atif|inspect|mini|openhands FOLDER
"""

import json
import sys
from pathlib import Path


def atif(folder):
    from harbor.models.job.result import JobResult
    from harbor.models.trajectories import Trajectory
    from harbor.models.trial.result import TrialResult

    counts = dict(trajectories=0, steps=0, calls=0, results=0, trials=0, jobs=0)
    for path in folder.rglob("agent/trajectory.json"):
        trajectory = Trajectory.model_validate_json(path.read_text())
        counts["trajectories"] += 1
        counts["steps"] += len(trajectory.steps)
        for step in trajectory.steps:
            counts["calls"] += len(step.tool_calls or [])
            counts["results"] += len(step.observation.results) if step.observation else 0
        TrialResult.model_validate_json((path.parent.parent / "result.json").read_text())
        counts["trials"] += 1
    for path in folder.glob("*/result.json"):
        JobResult.model_validate_json(path.read_text())
        counts["jobs"] += 1
    return counts


def inspect(folder):
    from inspect_ai.log import read_eval_log, read_eval_log_sample_summaries, read_eval_log_samples

    counts = dict(logs=0, samples=0, messages=0, resolved=0, scored=0, tokens=0, requests=0, summaries=0)
    for path in folder.rglob("*.eval"):
        header = read_eval_log(str(path), header_only=True)
        whole = read_eval_log(str(path))
        summaries = read_eval_log_sample_summaries(str(path))
        counts["logs"] += 1
        counts["summaries"] += len(summaries)
        assert len(whole.samples) == len(summaries) == header.results.completed_samples
        for sample in read_eval_log_samples(str(path), all_samples_required=header.status == "success"):
            counts["samples"] += 1
            counts["messages"] += len(sample.messages)
            counts["tokens"] += sum(usage.total_tokens for usage in sample.model_usage.values())
            for score in (sample.scores or {}).values():
                counts["scored"] += 1
                counts["resolved"] += score.as_int()
            for event in sample.events:
                if event.event == "model":
                    counts["requests"] += 1
                    assert event.output.choices[0].message.role == "assistant"
                    assert event.input, "a request holds something"
    return counts


def mini(folder):
    from minisweagent.models.utils.content_string import get_content_string
    from minisweagent.run.utilities.inspector import TrajectoryInspector

    files = sorted(folder.rglob("*.traj.json"))
    inspector = TrajectoryInspector(files)
    counts = dict(files=0, messages=0, steps=0)
    for index in range(len(files)):
        inspector._i_trajectory = index
        inspector._load_current_trajectory()
        counts["files"] += 1
        counts["messages"] += len(inspector.messages)
        counts["steps"] += len(inspector.steps)
        for message in inspector.messages:
            get_content_string(message)
    return counts


def openhands(folder):
    from openhands.events.serialization.event import event_from_dict

    counts = dict(lines=0, actions=0, observations=0, patches=0)
    for path in folder.rglob("output.jsonl"):
        for line in path.open():
            row = json.loads(line)
            counts["lines"] += 1
            counts["patches"] += bool(row["test_result"].get("git_patch"))
            for event in row["history"]:
                event_from_dict(event)
                counts["actions" if "action" in event else "observations"] += 1
    return counts


if __name__ == "__main__":
    print(json.dumps({"atif": atif, "inspect": inspect, "mini": mini, "openhands": openhands}[sys.argv[1]](Path(sys.argv[2]))))
