// A few line icons, drawn here so that nothing is fetched.

const PATHS = {
  plus: "M10 4v12M4 10h12",
  minus: "M4 10h12",
  frame: "M4 8V4h4M12 4h4v4M16 12v4h-4M8 16H4v-4",
  close: "M5 5l10 10M15 5L5 15",
  hold: "M7 4v12M13 4v12",
  resume: "M6 4l10 6-10 6z",
  return_home: "M3 10l7-6 7 6M5 9v7h10V9",
  change_battery: "M4 7h11v7H4zM15 9h2v3h-2M7 10.500h2M11 9.500v2M10 10.500h2",
  land: "M10 3v10M6 9l4 4 4-4M4 17h12",
  silence: "M4 8v4h3l4 3V5L7 8zM14 8l4 4M18 8l-4 4",
  stop: "M7 3h6l4 4v6l-4 4H7l-4-4V7z",
  check: "M4 10.500l4 4 8-9",
  warn: "M10 3l8 14H2zM10 8v4M10 14.500v.2",
  panel: "M3 4h14v12H3zM8 4v12",
  speaker:
    "M4 8v4h3l4 3V5L7 8zM13.500 7.500a4 4 0 0 1 0 5M15.500 5a7.500 7.500 0 0 1 0 10",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, label }: { name: IconName; label?: string }) {
  if (label === undefined) {
    return (
      <svg className="icon" viewBox="0 0 20 20" aria-hidden="true">
        <path d={PATHS[name]} />
      </svg>
    );
  }
  return (
    <svg className="icon" viewBox="0 0 20 20" role="img">
      <title>{label}</title>
      <path d={PATHS[name]} />
    </svg>
  );
}
