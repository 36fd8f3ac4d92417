import { useWords } from "../i18n/i18n";
import type { Building } from "../site";
import type { State } from "../state/state";
import { store, useSelect } from "../state/store";
import { Icon } from "../ui/Icon";
import { firstFloor, floorKey, type Share, shares } from "./geometry";

function receiversOf(state: State) {
  if (state.coverage === "evidence" && state.run_id !== null) {
    return state.evidence[state.run_id]?.receivers ?? null;
  }
  return state.coverage === "plan" ? (state.plan?.doc.receivers ?? null) : null;
}

function Floors({ building }: { building: Building }) {
  const { t } = useWords();
  const receivers = useSelect(receiversOf);
  if (!receivers) return null;
  const reach = shares(receivers);
  const first = firstFloor(receivers);
  const rows: { floor: number; share: Share | undefined }[] = [];
  for (let i = building.floors - 1; i >= 0; i--) {
    rows.push({ floor: first + i, share: reach.get(floorKey(building.id, first + i)) });
  }
  return (
    <ol className="floors">
      {rows.map(({ floor, share }) => (
        <li key={floor}>
          <span>{t("evidence.floor", { n: floor })}</span>
          <ShareBar share={share} />
          <span className="num">
            {share ? `${share.reached}/${share.receivers}` : "—"}
          </span>
        </li>
      ))}
    </ol>
  );
}

export function ShareBar({ share }: { share: Share | undefined }) {
  const ratio = share && share.receivers > 0 ? share.reached / share.receivers : 0;
  return (
    <span className="share" data-none={!share} aria-hidden="true">
      <span style={{ width: `${ratio * 100}%` }} />
    </span>
  );
}

export function BuildingCard() {
  const { t, number } = useWords();
  const building = useSelect((s) =>
    s.site?.buildings.find((one) => one.id === s.building_id),
  );
  if (!building) return null;
  const close = () => store.dispatch({ type: "patch", patch: { building_id: null } });
  return (
    <aside className="building-card" aria-label={building.name || building.id}>
      <header>
        <div>
          <h2>{building.name || building.id}</h2>
          <p>
            {t("map.building.floors", {
              n: building.floors,
              height: number(building.height_m),
            })}
          </p>
        </div>
        <button type="button" className="ghost" onClick={close}>
          <Icon name="close" label={t("map.building.close")} />
        </button>
      </header>
      <Floors building={building} />
    </aside>
  );
}
