"""The feed: every change of a tenant's jobs and integrations, live, without gaps, over websockets and by long poll.

    log (store) ──► hub ──► outbox ──► wire          hub.py  outbox.py  wire.py
                     ▲        ▲
             wakes, poll    session ◄── websocket ◄── server         session.py  websocket.py  server.py

`protocol.py` has the frames, `conflate.py`, `frames.py` and `admission.py` decide without I/O.
"""
