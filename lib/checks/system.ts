export { DiskUsageCheck, DiskUsageCheck as default, type DiskUsageOptions } from './system/disk.js'
export { EventLoopCheck, type EventLoopOptions } from './system/event-loop.js'
export { MemoryUsageCheck, type MemoryUsageOptions } from './system/memory.js'
