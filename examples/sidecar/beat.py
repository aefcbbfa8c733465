# The beat of a Celery worker: import this module where the app is made, and call beats(app).
import os
from pathlib import Path

from celery import bootsteps

BEAT = Path(os.environ.get('BEAT', '/beats/celery'))


class Beat(bootsteps.StartStopStep):
    requires = {'celery.worker.components:Timer'}

    def start(self, worker):
        self.timer = worker.timer.call_repeatedly(1, BEAT.touch, priority=10)

    def stop(self, worker):
        BEAT.unlink(missing_ok=True)


def beats(app):
    app.steps['worker'].add(Beat)
