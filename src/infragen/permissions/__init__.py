"""Who may do what when an environment is delivered: roles and policies, derived from the rendered templates.

Pure: the same assembly gives the same policies. Nothing here talks to AWS, and nothing is read but the resource schemas
that cfn-lint ships.
"""
