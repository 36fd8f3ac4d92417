import { setWorkerUrl } from "maplibre-gl";
import "maplibre-gl/dist/maplibre-gl.css";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import { useEffect, useRef, useState } from "react";
import { useWords } from "../i18n/i18n";
import { store, useSelect } from "../state/store";
import { Icon } from "../ui/Icon";
import { BuildingCard } from "./BuildingCard";
import { Legend } from "./Legend";
import { SiteMap } from "./SiteMap";

// MapLibre 6 does not find its own worker in a bundle.
setWorkerUrl(workerUrl);

/** For panels that want to show a place. */
let current: SiteMap | null = null;
export const theMap = (): SiteMap | null => current;

function webgl2(): boolean {
  return document.createElement("canvas").getContext("webgl2") !== null;
}

function useSiteMap() {
  const container = useRef<HTMLDivElement>(null);
  const overlay = useRef<HTMLDivElement>(null);
  const words = useWords();
  const first = useRef(words);
  const [supported] = useState(webgl2);
  useEffect(() => {
    if (!supported || !container.current || !overlay.current) return;
    const map = new SiteMap(container.current, overlay.current, store, first.current);
    current = map;
    return () => {
      current = null;
      map.close();
    };
  }, [supported]);
  useEffect(() => {
    first.current = words;
    current?.setWords(words);
  }, [words]);
  return { container, overlay, supported };
}

export function MapView() {
  const { t } = useWords();
  const { container, overlay, supported } = useSiteMap();
  const [tilted, setTilted] = useState(true);
  const stale = useSelect((s) => s.live.phase !== "open");
  return (
    <section className="map" aria-label={t("map.label")} data-stale={stale}>
      {supported ? null : <p className="map-failed">{t("map.failed")}</p>}
      <div className="map-canvas" ref={container} />
      <div className="map-overlay" ref={overlay} />
      <div className="map-tools" role="toolbar" aria-label={t("map.label")}>
        <button
          type="button"
          onClick={() => theMap()?.zoom(0.7)}
          title={t("map.view.in")}
        >
          <Icon name="plus" label={t("map.view.in")} />
        </button>
        <button
          type="button"
          onClick={() => theMap()?.zoom(-0.7)}
          title={t("map.view.out")}
        >
          <Icon name="minus" label={t("map.view.out")} />
        </button>
        <button
          type="button"
          onClick={() => theMap()?.home()}
          title={t("map.view.home")}
        >
          <Icon name="frame" label={t("map.view.home")} />
        </button>
        <button
          type="button"
          className="map-tilt"
          onClick={() => {
            setTilted(!theMap()?.tilted());
            theMap()?.toggleTilt();
          }}
        >
          {tilted ? t("map.view.flat") : t("map.view.tilted")}
        </button>
      </div>
      <BuildingCard />
      <Legend />
    </section>
  );
}
