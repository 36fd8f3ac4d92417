import type { KeyboardEvent } from "react";
import { useWords } from "../i18n/i18n";
import type { Tab } from "../state/state";

const TABS: readonly Tab[] = [
  "plan",
  "announcements",
  "run",
  "evidence",
  "schedules",
  "overview",
];

const STEPS: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1 };

export function Tabs({ tab, choose }: { tab: Tab; choose(tab: Tab): void }) {
  const { t } = useWords();
  const press = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = TABS[(TABS.indexOf(tab) + step + TABS.length) % TABS.length] ?? tab;
    choose(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div className="tabs" role="tablist" onKeyDown={press}>
      {TABS.map((one) => (
        <button
          key={one}
          type="button"
          role="tab"
          id={`tab-${one}`}
          aria-selected={one === tab}
          aria-controls="panel"
          tabIndex={one === tab ? 0 : -1}
          onClick={() => choose(one)}
        >
          {t(`tab.${one}`)}
        </button>
      ))}
    </div>
  );
}
