/* What Java's resolver says (java.net.InetAddress, which is the C library's): for each name a line of its addresses. */
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.TreeSet;

class Lookup {
	public static void main(String[] names) {
		for (String name : names) {
			TreeSet<String> addresses = new TreeSet<>();
			try {
				for (InetAddress address : InetAddress.getAllByName(name))
					addresses.add(address.getHostAddress());
			} catch (UnknownHostException error) {
				// an empty line
			}
			System.out.println(String.join(" ", addresses));
		}
	}
}
