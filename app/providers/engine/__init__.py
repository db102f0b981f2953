"""The engine trains: a program of its own, ``python -m app.providers.engine``, in a folder that says what to do.

It imports the standard library and the packages of the extra ``train``, and nothing else of ours: whatever Python has
those packages can run it. Nobody else imports it: it takes seconds and a gigabyte. Folder and commands stand in
docs/training-engine.md.
"""
