"""The engine: observes stacks, walks a plan through a Cloud, and says how each stack ended.

One module a question: `observe` what is deployed, `preview` what will change, `schedule` who goes when, `operate` one
operation on one stack, `follow` its events, `outcome` how it ended; `deploy`, `destroy`, `recover`, `bootstrap` and
`status` are the commands. Nothing here knows boto3, the terminal, the clock or sleep: they come as Cloud, Ui and Timer.
"""
