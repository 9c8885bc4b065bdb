/** Files that the build copies: importing one answers the address where it is served. */
declare module '*.svg'
declare module '*.css'
