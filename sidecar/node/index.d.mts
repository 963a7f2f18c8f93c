/** The server that every look-up goes to, as MIST_DNS named it: "127.0.0.1:5380", "[::1]:5380". */
export declare const server: string;

declare const preload: { readonly server: string };
export default preload;
