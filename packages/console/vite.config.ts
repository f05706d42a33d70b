import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  plugins: [react()],
  build: {
    target: "es2022",
    chunkSizeWarningLimit: 1500,
    reportCompressedSize: false,
    emptyOutDir: true,
    // The console, and the page of `bidden data view`.
    rolldownOptions: { input: ["index.html", "view.html"].map((page) => `${import.meta.dirname}/${page}`) },
  },
});
