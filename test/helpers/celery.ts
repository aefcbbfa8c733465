import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pythonWith } from './debian.js'
import { launch } from './server.js'
import type { Program, Scope } from './server.js'

export interface CeleryOptions {
  /** A `redis:` or `amqp:` URL. */
  broker: string
  /** What it consumes, and `send` sends to the first of; `celery` alone unless told. */
  queues?: [string, ...string[]]
  /** Its node name, `celery@health` unless told. */
  hostname?: string
}

export interface CeleryWorker extends Program {
  readonly hostname: string
  /** Sends a task, `add` (two numbers) or `sleep` (seconds), and gives its id; does not wait for its result. */
  send (task: 'add' | 'sleep', ...args: number[]): Promise<string>
}

const tasks = `
import os
import time
from celery import Celery

app = Celery('tasks', broker=os.environ['BROKER'])
app.conf.task_ignore_result = True
app.conf.task_default_queue = os.environ['QUEUES'].split(',')[0]

@app.task
def add(a, b):
    return a + b

@app.task
def sleep(seconds):
    time.sleep(seconds)
`

const client = `
import json
import sys
from tasks import app

command, name = sys.argv[1:3]
if command == 'ping':
    while not app.control.ping(destination=[name], timeout=0.5):
        pass
else:
    print(app.send_task('tasks.' + name, json.loads(sys.argv[3])).id)
`

/** A Celery worker of its own, with one prefork child; started once it answers a ping over the broker. */
export async function startCeleryWorker (t: Scope, { broker, queues = ['celery'], hostname = 'celery@health' }: CeleryOptions): Promise<CeleryWorker> {
  const python = pythonWith('celery', ...(broker.startsWith('redis') ? ['redis'] : []))
  const env = { BROKER: broker, QUEUES: queues.join(',') }
  const running = await launch(t, 'Celery', (place) => {
    writeFileSync(join(place.folder, 'tasks.py'), tasks)
    writeFileSync(join(place.folder, 'client.py'), client)
    return {
      command: python,
      args: [
        '-m', 'celery', '--app', 'tasks', 'worker', '--hostname', hostname, '--queues', queues.join(','),
        '--concurrency', '1', '--loglevel', 'INFO',
        // They wait for other workers, of which there is none.
        '--without-mingle', '--without-gossip',
      ],
      env,
      // It ends its tasks first, however long they take.
      grace: 3000,
      answers: () => place.run(python, ['client.py', 'ping', hostname], env),
    }
  })
  return Object.assign(running, {
    hostname,
    send: async (task: string, ...args: number[]) =>
      (await running.run(python, ['client.py', 'send', task, JSON.stringify(args)], env)).trim(),
  })
}
