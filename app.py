"""The application for `flask` and for every WSGI server: `gunicorn app:app`."""

from portal import create_app

app = create_app()
