import { useEffect, useState } from "react";
import {
  firstLanguage,
  keepLanguage,
  type Language,
  useWords,
  WordsContext,
  wordsOf,
} from "./i18n/i18n";
import { MapView } from "./map/MapView";
import { AnnouncementsPanel } from "./panels/AnnouncementsPanel";
import { Banner } from "./panels/Banner";
import { Dock } from "./panels/Dock";
import { EvidencePanel } from "./panels/EvidencePanel";
import { LogIn } from "./panels/LogIn";
import { Notices } from "./panels/Notices";
import { OverviewPanel } from "./panels/OverviewPanel";
import { PlanPanel } from "./panels/PlanPanel";
import { RunPanel } from "./panels/RunPanel";
import { SchedulePanel } from "./panels/SchedulePanel";
import { TopBar } from "./panels/TopBar";
import { VehiclePanel } from "./panels/VehiclePanel";
import type { Tab } from "./state/state";
import { store, useSelect } from "./state/store";
import { Tabs } from "./ui/Tabs";

const PANELS: Record<Tab, () => React.ReactNode> = {
  plan: PlanPanel,
  announcements: AnnouncementsPanel,
  run: RunPanel,
  evidence: EvidencePanel,
  schedules: SchedulePanel,
  overview: OverviewPanel,
};

function SidePanel() {
  const { t } = useWords();
  const tab = useSelect((s) => s.tab);
  const Panel = PANELS[tab];
  return (
    <section className="side" aria-label={t("tab.label")}>
      <Tabs
        tab={tab}
        choose={(to) => store.dispatch({ type: "patch", patch: { tab: to } })}
      />
      <div
        className="panel"
        role="tabpanel"
        id="panel"
        aria-labelledby={`tab-${tab}`}
        data-tab={tab}
      >
        <Panel />
      </div>
    </section>
  );
}

export function App({ retry }: { retry(): void }) {
  const [language, setLanguage] = useState<Language>(firstLanguage);
  const [words, setWords] = useState(() => wordsOf(language));
  useEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    setWords(wordsOf(language));
  }, [language]);
  const choose = (to: Language) => {
    keepLanguage(to);
    setLanguage(to);
  };
  return (
    <WordsContext value={words}>
      <a className="skip" href="#dock">
        {words.t("app.skip")}
      </a>
      <div className="app">
        <TopBar language={language} setLanguage={choose} />
        <SidePanel />
        <main className="stage">
          <MapView />
          <Banner retry={retry} />
          <Notices />
        </main>
        <VehiclePanel />
        <Dock />
        <LogIn retry={retry} />
      </div>
    </WordsContext>
  );
}
