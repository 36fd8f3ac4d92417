"""The use cases: plan, launch, execute, speak, schedule, and what comes after.

From bottom to top: `live` tells and hosts; `vehicles`, `announcing` and
`conditions` know the fleet, the words and the day; `gate` refuses; `planning`
and `sorties` make and fly one sortie, in the order of `execute`; `running` leads
a run and `speaking` speaks beside it; `schedules` and `aftermath` start runs and
look back at them.
"""
