"""The places that take fine-tuning jobs over OpenAI's wire, and the client that drives them all.

places.py, places.toml   what differs from place to place, with source and date
orders.py                an order, its line in the ledger, a job as it is shown
ledger.py                what was ordered, written down before it is sent; what was seen of it since
sending.py, uploading.py one order to its place, paid once whatever breaks
watching.py              looking again and again, over restarts
radar.py                 which models end when
fine_tuning.py           the one door to all of it: FineTuning
"""
