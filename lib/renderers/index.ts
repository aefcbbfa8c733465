import type { Renderer } from '../../types/renderer.js'
import { healthJson } from './health-json.js'
import { html } from './html.js'
import { json } from './json.js'
import { openmetrics } from './openmetrics.js'
import { plain } from './plain.js'

/** All formats. The first that a client accepts is used if the client has no preference. */
export const renderers: readonly Renderer[] = [html, json, plain, healthJson, openmetrics]
