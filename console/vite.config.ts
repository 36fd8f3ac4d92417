import react from "@vitejs/plugin-react";
import { loadEnv, type Plugin } from "vite";
import { defineConfig } from "vitest/config";

// Everything comes from the service itself: the console works on a network
// that has no way out, and a page that was tampered with cannot call out.
const POLICY = [
  "default-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data: blob:",
  "style-src 'self' 'unsafe-inline'",
  "worker-src 'self' blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

// Only in the build: Vite's development server needs an inline script.
const contentSecurityPolicy: Plugin = {
  name: "content-security-policy",
  apply: "build",
  transformIndexHtml: () => [
    {
      tag: "meta",
      attrs: { "http-equiv": "Content-Security-Policy", content: POLICY },
      injectTo: "head-prepend",
    },
  ],
};

export default defineConfig(({ mode }) => ({
  plugins: [react(), contentSecurityPolicy],
  build: {
    outDir: "../src/patrolctl/web/static",
    emptyOutDir: true,
    target: "es2022",
    rolldownOptions: { checks: { pluginTimings: false } },
    chunkSizeWarningLimit: 1600, // MapLibre alone is 1.2 MB
  },
  server: {
    // `npm run dev` shows the service of PATROLCTL_URL, or that of the demo.
    proxy: {
      "/api": {
        target:
          loadEnv(mode, ".", "PATROLCTL_").PATROLCTL_URL ?? "http://127.0.0.1:8080",
        ws: true,
        changeOrigin: true,
      },
    },
  },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
}));
