"""The composition root of the control service.

``service.run_service`` is ``patrolctl serve``, ``demo.run_demo`` and
``demo.run_demo_once`` are ``patrolctl demo``, ``once.run_once`` is ``patrolctl
run``. Nothing is imported here: a command pays only for what it uses.
"""
