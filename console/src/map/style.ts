// The base map: plain ground and the site's own features. No tiles, no
// glyphs, no sprites: nothing that would have to be fetched.

import type { StyleSpecification } from "maplibre-gl";
import { collection } from "../site";
import { MAP } from "./colors";

const EMPTY = { type: "geojson", data: collection([]) } as const;

export function baseStyle(): StyleSpecification {
  return {
    version: 8,
    light: {
      anchor: "viewport",
      color: "#ffffff",
      intensity: 0.32,
      position: [1.3, 210, 40],
    },
    sources: {
      zones: EMPTY,
      roads: EMPTY,
      geofence: EMPTY,
      no_fly: EMPTY,
      obstacles: EMPTY,
      buildings: EMPTY,
      selected: EMPTY,
    },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": MAP.ground } },
      {
        id: "zone-fill",
        type: "fill",
        source: "zones",
        paint: { "fill-color": ["get", "color"], "fill-opacity": 0.1 },
      },
      {
        id: "road-casing",
        type: "line",
        source: "roads",
        layout: { "line-cap": "round", "line-join": "round" },
        paint: {
          "line-color": MAP.roadCasing,
          "line-width": ["interpolate", ["exponential", 2], ["zoom"], 14, 2, 19, 26],
        },
      },
      {
        id: "road",
        type: "line",
        source: "roads",
        layout: { "line-cap": "round", "line-join": "round" },
        paint: {
          "line-color": MAP.road,
          "line-width": ["interpolate", ["exponential", 2], ["zoom"], 14, 1.2, 19, 20],
        },
      },
      {
        id: "zone-line",
        type: "line",
        source: "zones",
        paint: {
          "line-color": ["get", "color"],
          "line-width": 2,
          "line-opacity": 0.85,
        },
      },
      {
        id: "geofence",
        type: "line",
        source: "geofence",
        paint: {
          "line-color": MAP.geofence,
          "line-width": 1.5,
          "line-opacity": 0.7,
          "line-dasharray": [5, 3],
        },
      },
      {
        id: "no-fly-line",
        type: "line",
        source: "no_fly",
        paint: { "line-color": MAP.noFly, "line-width": 1.5, "line-dasharray": [2, 2] },
      },
      {
        id: "obstacles",
        type: "fill-extrusion",
        source: "obstacles",
        paint: {
          "fill-extrusion-color": MAP.obstacle,
          "fill-extrusion-height": ["get", "height"],
          "fill-extrusion-opacity": 0.9,
        },
      },
      {
        id: "buildings",
        type: "fill-extrusion",
        source: "buildings",
        paint: {
          "fill-extrusion-color": ["get", "color"],
          "fill-extrusion-base": ["get", "base"],
          "fill-extrusion-height": ["get", "height"],
          "fill-extrusion-opacity": 0.94,
          "fill-extrusion-vertical-gradient": true,
        },
      },
      {
        id: "selected",
        type: "line",
        source: "selected",
        paint: { "line-color": MAP.selected, "line-width": 3 },
      },
      // Last of the volumes, so that buildings shine through them.
      {
        id: "no-fly",
        type: "fill-extrusion",
        source: "no_fly",
        paint: {
          "fill-extrusion-color": MAP.noFly,
          "fill-extrusion-base": ["get", "base"],
          "fill-extrusion-height": ["get", "height"],
          "fill-extrusion-opacity": 0.16,
          "fill-extrusion-vertical-gradient": false,
        },
      },
    ],
  };
}
