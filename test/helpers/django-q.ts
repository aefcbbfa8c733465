import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pythonWith } from './debian.js'
import { launch } from './server.js'
import type { Program, Scope } from './server.js'

export interface DjangoQOptions {
  /** The URL of the Redis it takes its tasks from. */
  redis: string
  /** The cluster's name, which is also the salt of its signatures. */
  cluster: string
  /** Django's SECRET_KEY, with which it signs. */
  secretKey: string
}

export interface DjangoQ extends Program {
  /** Queues a call of any Python function, by its dotted path, such as `time.sleep`; does not wait for its result. */
  send (path: string, ...args: unknown[]): Promise<string>
}

const settings = `
import os

SECRET_KEY = os.environ['SECRET_KEY']
INSTALLED_APPS = ['django_q']
DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': os.path.join(os.environ['HOME'], 'database')}}
USE_TZ = True
Q_CLUSTER = {
    'name': os.environ['CLUSTER'],
    'redis': os.environ['REDIS'],
    'workers': 1,
    'timeout': 60,
    'retry': 120,
    # Without a scheduler, and without results to save, it needs none of its tables.
    'scheduler': False,
    'save_limit': -1,
}
`

const manage = `
import sys
from django.core.management import execute_from_command_line

execute_from_command_line(sys.argv)
`

const client = `
import json
import sys
import time
import django

django.setup()

from django_q.conf import Conf
from django_q.status import Stat
from django_q.tasks import async_task

command, argument = sys.argv[1:3]
if command == 'wait':
    # By its process, since what a dead cluster said stays in Redis for three seconds.
    while not any(stat.pid == int(argument) and stat.status == Conf.IDLE for stat in Stat.get_all()):
        time.sleep(0.05)
else:
    print(async_task(argument, *json.loads(sys.argv[3])))
`

/** A Django-Q cluster of its own, with one worker; started once it says in Redis that it is idle. */
export async function startDjangoQ (t: Scope, { redis, cluster, secretKey }: DjangoQOptions): Promise<DjangoQ> {
  const python = pythonWith('django_q', 'redis')
  const env = { REDIS: redis, CLUSTER: cluster, SECRET_KEY: secretKey, DJANGO_SETTINGS_MODULE: 'settings' }
  const running = await launch(t, 'Django-Q', (place) => {
    for (const [name, text] of Object.entries({ settings, manage, client })) writeFileSync(join(place.folder, `${name}.py`), text)
    return {
      command: python,
      args: ['manage.py', 'qcluster'],
      env,
      // It ends its tasks first, however long they take.
      grace: 3000,
      answers: () => place.run(python, ['client.py', 'wait', String(place.pid)], env),
    }
  })
  return Object.assign(running, {
    send: async (path: string, ...args: unknown[]) =>
      (await running.run(python, ['client.py', 'send', path, JSON.stringify(args)], env)).trim(),
  })
}
