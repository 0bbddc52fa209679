/** How much processor time this process has taken. */
const US_PER_MS = 1000;

/** Processor time of this process, in milliseconds: unlike the time of day, it does not grow while others run. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / US_PER_MS;
}
