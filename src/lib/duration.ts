// Durations of Gateway API (GEP-2257): one to four numbers of up to five digits, each with a unit of h, m, s or ms.

const DURATION = /^(?:\d{1,5}(?:h|m|s|ms)){1,4}$/;
const PART = /(\d+)(ms|[hms])/g;
const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

export function parseDurationMs(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let durationMs = 0;
  for (const [, amount = '', unit = ''] of text.matchAll(PART)) durationMs += Number(amount) * (UNIT_MS[unit] ?? 0);
  return durationMs;
}
