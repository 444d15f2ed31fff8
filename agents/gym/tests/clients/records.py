"""Has the models of Harbor, OpenEnv and OpenAI read the record of a rollout and the row of NeMo: ROLLOUT ROW."""

import json
import sys

from harbor.models.trajectories import Trajectory
from openai.types.responses import Response
from openenv.core.harness.training import TrainingTrace

rollout = json.load(open(sys.argv[1]))
trajectory = Trajectory.model_validate(rollout["trajectory"])
trace = TrainingTrace.model_validate(rollout["training_trace"])
assert len(trace.turns) == len(rollout["calls"])
of_agent = [step for step in trajectory.steps if step.source == "agent"]
assert len(of_agent) == len(rollout["calls"])
for step, turn in zip(of_agent, trace.turns):
    assert step.metrics.prompt_token_ids == turn.prompt_token_ids
    assert step.metrics.completion_token_ids == turn.completion_token_ids
    assert step.metrics.logprobs == turn.per_token_logps
# As SkyRL reads Harbor's results: one segment, three lists of the same length.
(detail,) = rollout["rollout_details"]
assert len(detail["prompt_token_ids"]) == len(detail["completion_token_ids"]) == len(detail["logprobs"])

row = json.load(open(sys.argv[2]))
# NeMo has results of calls among the output, which OpenAI's own model of a response does not know.
told = [item for item in row["response"]["output"] if item["type"] != "function_call_output"]
Response.model_validate({**row["response"], "output": told})
try:
    from nemo_gym.base_resources_server import BaseVerifyResponse
except ImportError:
    print("nemo_gym is not here; the row was read by OpenAI's model")
else:
    BaseVerifyResponse.model_validate(row)
    print("the row was read by nemo_gym")
print(len(trace.turns), "calls were read")
