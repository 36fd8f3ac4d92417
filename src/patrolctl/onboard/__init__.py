"""The small agent on a vehicle's companion computer."""

from patrolctl.onboard.main import AgentOptions, run_agent

__all__ = ["AgentOptions", "run_agent"]
