import { test } from 'tap'
import { Deadlines, never } from '../../lib/time/deadlines.js'
import { FakeClock } from '../helpers/fake-clock.js'

function setUp () {
  const clock = new FakeClock()
  const deadlines = new Deadlines(clock)
  const of = (deadline: number | undefined = 1000) => deadlines.of(deadline, clock.now())
  /** When somebody is called back, as soon as that is known. */
  const due = (moment = of()) => {
    const due: { at?: number, callOff: () => void } = { callOff: moment.onDue(() => { due.at = clock.now() }) }
    return due
  }
  return { clock, deadlines, of, due }
}

const none = { foreground: 0, background: 0 }

test('one probe has all of its deadline', async t => {
  const { clock, of, due } = setUp()
  await clock.advance(50)
  const moment = of()
  t.match(moment, { at: 1050, deadline: 1000 })
  const called = due(moment)
  await clock.advance(999)
  t.equal(called.at, undefined)
  await clock.advance(1)
  t.equal(called.at, 1050)
})

test('without a deadline it never comes', async t => {
  const { clock, deadlines, due } = setUp()
  t.equal(deadlines.of(undefined, 0), never)
  due(never).callOff()
  t.strictSame(clock.timers, none)
})

test('those of one turn of the event loop leave together, as much earlier as they took to come in', async t => {
  const { clock, of } = setUp()
  const first = of()
  t.equal(first.at, 1000)
  clock.block(30)
  t.equal(of(), first)
  t.equal(first.at, 970)
  await clock.settle()
  const next = of()
  t.not(next, first)
  t.strictSame([first.at, next.at], [970, 1030])
})

test('those that come in while a long turn goes on are of its crowd', async t => {
  const { clock, of } = setUp()
  const first = of()
  let turns = 3
  const goOn = () => {
    t.equal(of(), first)
    clock.block(20)
    if (--turns > 0) clock.afterIO(goOn)
  }
  clock.block(20)
  clock.afterIO(goOn)
  await clock.settle()
  t.equal(first.at, 940)
  t.not(of(), first)
})

test('where turns are short, those of the next one are by themselves', async t => {
  const { clock, of } = setUp()
  const first = of()
  clock.block(10)
  clock.afterIO(() => { t.not(of(), first) })
  await clock.settle()
  t.equal(first.at, 1000)
})

test('a crowd grows for a tenth of the deadline, and those that come later are one of their own', async t => {
  const { clock, of, due } = setUp()
  const first = of()
  const told = due(first)
  clock.block(100)
  t.equal(of(), first)
  clock.block(0.5)
  const later = of()
  t.strictSame([first.at, later.at], [900, 1100.5])
  clock.block(60)
  t.equal(of(), later)
  await clock.advance(2000)
  t.equal(told.at, 900)
})

test('a crowd leaves in time, too, where those of another deadline go on coming in', async t => {
  const { clock, of, due } = setUp()
  due(of(1000))
  const goOn = () => {
    of(4000)
    clock.block(45)
    if (clock.now() < 200) clock.afterIO(goOn)
    else t.strictSame(clock.timers, { foreground: 1, background: 0 })
  }
  goOn()
  await clock.settle()
})

test('those whose time falls into that of the answers of a crowd are told with it', async t => {
  const { clock, of, due } = setUp()
  const [earlier, muchLater, gone] = [due(of()), due(of(1041)), due(of(1001))]
  await clock.advance(20)
  gone.callOff()
  const crowd = due(of())
  clock.block(60)
  of()
  await clock.settle()
  t.strictSame(clock.timers, { foreground: 3, background: 0 }, 'none for whoever is gone')
  await clock.advance(2000)
  t.strictSame([earlier.at, crowd.at, muchLater.at], [960, 960, 1041])
  t.strictSame(clock.timers, none)
})

test('what is over stays over, though its timer was early', async t => {
  const clock = new class extends FakeClock {
    override after (delay: number, callback: () => void) {
      return super.after(Math.max(0, delay - 0.5), callback)
    }
  }()
  const moment = new Deadlines(clock).of(1000, 0)
  moment.onDue(() => {})
  await clock.advance(999.5)
  t.ok(moment.at <= clock.now())
})

test('a deadline of another length is another moment', async t => {
  const { clock, of } = setUp()
  const [long, short] = [of(1000), of(200)]
  clock.block(10)
  t.strictSame([of(1000) === long, of(200) === short], [true, true])
  t.strictSame([long.at, short.at], [990, 190])
})

test('whoever waits is called back, by one timer, which is set when all are there', async t => {
  const { clock, of, due } = setUp()
  const moment = of()
  const waiting = Array.from({ length: 100 }, () => due(moment))
  clock.block(20)
  of()
  t.strictSame(clock.timers, none)
  await clock.settle()
  waiting.push(due(moment))
  t.strictSame(clock.timers, { foreground: 1, background: 0 })
  await clock.advance(2000)
  t.strictSame([...new Set(waiting.map(({ at }) => at))], [980])
  t.strictSame(clock.timers, none)
})

test('whoever calls it off is not called back, and when nobody waits no timer is left', async t => {
  const { clock, of, due } = setUp()
  const moment = of()
  const [first, second] = [due(moment), due(moment)]
  await clock.settle()
  first.callOff()
  t.strictSame(clock.timers, { foreground: 1, background: 0 })
  second.callOff()
  t.strictSame(clock.timers, none)
  await clock.advance(500)
  const third = due(moment)
  await clock.advance(1000)
  t.strictSame([first.at, second.at, third.at], [undefined, undefined, 1000])
})

test('nobody waits for a timer who called it off in the same turn', async t => {
  const { clock, due } = setUp()
  due().callOff()
  await clock.settle()
  t.strictSame(clock.timers, none)
})

test('whoever comes when it is over is called back at once', async t => {
  const { clock, of, due } = setUp()
  const moment = of()
  const [first] = [due(moment)]
  await clock.advance(1100)
  const late = due(moment)
  await clock.advance(0)
  t.strictSame([first.at, late.at], [1000, 1100])
})
