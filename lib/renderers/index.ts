import type { Renderer } from '../../types/renderer.js'
import { healthJson } from './health-json.js'
import { html } from './html.js'
import { json } from './json.js'
import { openmetrics } from './openmetrics.js'
import { plain } from './plain.js'

/** Every format, in the order of preference where a client has none. */
export const renderers: readonly Renderer[] = [html, json, plain, healthJson, openmetrics]
