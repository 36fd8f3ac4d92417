import { useWords } from "../i18n/i18n";
import type { MessageKey } from "../i18n/messages";
import type { Coverage } from "../state/state";
import { store, useSelect } from "../state/store";
import { Segmented } from "../ui/parts";

const ZONES = ["sealed", "controlled", "precaution"] as const;

function Entry({ mark, text }: { mark: string; text: MessageKey }) {
  const { t } = useWords();
  return (
    <li>
      <i className={`legend-mark ${mark}`} aria-hidden="true" />
      {t(text)}
    </li>
  );
}

export function Legend() {
  const { t } = useWords();
  const coverage = useSelect((s) => s.coverage);
  const classes = useSelect((s) =>
    ZONES.filter((one) => s.site?.zones.some((zone) => zone.zone_class === one)),
  );
  const noFly = useSelect((s) => (s.site?.no_fly.length ?? 0) > 0);
  const evidence = useSelect((s) => s.run_id !== null && !!s.evidence[s.run_id]);
  const planned = useSelect((s) => s.plan !== null);
  if (!useSelect((s) => s.site !== null)) return null;
  return (
    <div className="legend">
      <Segmented<Coverage>
        label={t("map.coverage")}
        value={coverage}
        options={[
          { value: "plan", text: t("map.coverage.plan"), disabled: !planned },
          { value: "evidence", text: t("map.coverage.evidence"), disabled: !evidence },
          { value: "none", text: t("map.coverage.none") },
        ]}
        onChange={(value) =>
          store.dispatch({ type: "patch", patch: { coverage: value } })
        }
      />
      <ul>
        {coverage === "none" ? null : (
          <>
            <Entry mark="reached" text="map.legend.reached" />
            <Entry mark="missed" text="map.legend.missed" />
          </>
        )}
        <Entry mark="planned" text="map.legend.planned" />
        <Entry mark="flown" text="map.legend.flown" />
        {classes.map((one) => (
          <Entry key={one} mark={one} text={`map.legend.${one}`} />
        ))}
        {noFly ? <Entry mark="no-fly" text="map.legend.no_fly" /> : null}
      </ul>
    </div>
  );
}
