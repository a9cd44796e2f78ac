"""`drena demo`: two offices, an old system's leftovers and a fake API, on a stage that is gone afterwards.

    play      one showing: signals, the order of the acts, the exit code
    stage     what a showing needs, opened and closed: database, API, configuration, folder
    acts/     what is shown, one file an act; each does something and checks what came of it
    screen    what people see

The daemon and the commands run as processes of their own, with the configuration an operator would write, so that the
demo shows what users run. The fake API is another distribution: it is started as a process and spoken to over HTTP.
"""
