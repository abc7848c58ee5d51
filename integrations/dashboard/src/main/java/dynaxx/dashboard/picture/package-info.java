/** Drawings of lines and words that become SVG or PNG files. */
package dynaxx.dashboard.picture;
