import { html } from './html.js'
import { healthJson } from './health-json.js'
import { json } from './json.js'
import { openmetrics } from './openmetrics.js'
import { plain } from './plain.js'
import type { Roster } from '../../../types/fleet.js'
import type { Renderer } from '../../../types/renderer.js'

/** Every format of the roster, in the order of preference where a client has none. */
export const fleetRenderers: ReadonlyArray<Renderer<Roster>> = [html, json, plain, healthJson, openmetrics]
