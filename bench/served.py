"""The plain program that BENCH_PLAIN names, for gunicorn."""

from __future__ import annotations

import json
import os

from flask import Flask
from sqlalchemy import create_engine

from bench import plain
from portal.database import engine_options, prepare_engine


def _app() -> Flask:
    asked = json.loads(os.environ["BENCH_PLAIN"])
    if asked["kind"] == "page":
        return plain.page_app(asked["size"])
    engine = create_engine(asked["url"], **engine_options(asked["url"]))
    prepare_engine(engine)
    return plain.claim_app(engine)


app = _app()
